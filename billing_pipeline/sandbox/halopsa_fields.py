"""Field names and JSON types of HaloPSA's documents, as its API description of 2024-09 declares them."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

FieldKind: TypeAlias = Literal["integer", "number", "boolean", "text", "date", "many", "one"]
Fields: TypeAlias = Mapping[str, FieldKind]


def _fields(
    *,
    integer: str = "",
    number: str = "",
    boolean: str = "",
    text: str = "",
    date: str = "",
    many: str = "",
    one: str = "",
) -> Fields:
    """Names by kind; `many` is a JSON array, `one` a JSON object."""
    kinds: dict[FieldKind, str] = {
        "integer": integer,
        "number": number,
        "boolean": boolean,
        "text": text,
        "date": date,
        "many": many,
        "one": one,
    }
    return {name: kind for kind, names in kinds.items() for name in names.split()}


INVOICE = _fields(
    integer="""
        id client_id sitenumber uid salesorder_id datetype percentold contract_id currency_code paymentterms
        ticket_id invoicetype paymentstatus emailstatus pdf_attachment_id pdftemplate_id schedule_id period
        recurring_invoice_id add_contract_assets add_labour add_project add_travel add_mileage
        add_itemsissued add_prepay add_salesorder _create_from_contract qboid billingcategory due_date_int
        due_date_type mailboxid period_type kashflow_tenant_id kashflowid original_client_id daysplus
        invoice_prorata_periods_ahead intacct_recordno markaspaidmoduleid creditlinkedtoinvoiceid
        purchaseorder_id sage_business_cloud_details_id exact_division invoice_auto_increase_period
        assigned_agent approval_status approvalagent approvalagentid intacctseparatetaxline
        take_payment_on_duedate supplier_id payments_pending client_to_invoice_to_id typeid
        avalara_details_id qbo_term_id apply_credit_id change_seq
    """,
    number="""
        percent currency_conversion_rate amountpaid amountdue revenue tax_total total
        invoice_percent_increase minimum_amount credit_outstanding_for_customer credit_outstanding
        credit_used apply_credit_amount
    """,
    boolean="""
        disabled posted hideinvoice _print_preview _print_generate _is_invoice_run is_recurring_invoice
        create_recurring_invoice take_auto_payment force_creation _validateonly _sendmassinvoice _isimport
        markaspaid reviewrequired schedule_ignore_delete approval_start requires_approval
        contains_calculated_quantity _create_credit_note _dont_fire_automations _is_process
        _is_task_schedule include_in_autopay _forcethirdpartysync twilio_invoice invoice_separately
        minimum_price_active voided mark_credit_as_used apply_credit _novalidate _dotaxsync
        sync_include_paid dont_set_original_client_id _docommitsync _ignore_dont_send_invoice
    """,
    text="""
        use client_name site_name accountsid invoicenumber thirdpartyinvoicenumber name address1 address2
        address3 address4 address5 deladdress1 deladdress2 deladdress3 deladdress4 deladdress5 tel_number
        contactname global_tax_code notes_1 notes_2 notes_3 taken_by order_number cust_order_number
        payment_ref global_nom_code global_details invoice_type_code contract_ref currency
        currency_code_name xeroid printhtml pdftemplate_name reference xero_tenant_id xero_branding_theme_id
        xero_branding_theme_name createdbyagentname internal_note kashflow_pdf original_client_name
        xero_status snelstart_id periodname duedatename nextcreationperiod qbo_company_id dbc_id
        dbc_company_id _warning creditlinkedtoinvoiceid_thirdpartynumber sage_business_cloud_id exact_id
        xero_line_tax assigned_agent_name approvalemailaddress approvalnote ticket_summary ticket_note
        xero_online_invoice_payment_url generic_online_invoice_payment_url intacct_save_location
        intacct_class intacct_class_name _importtype intacct_tax_solution intacct_tax_solution_name
        intacct_project intacct_project_name supplier_name creation_source minimum_line_description
        qbo_term_name avalara_details_name apply_credit_description apply_credit_long_description
        invoice_display originaddress1 originaddress2 originaddress3 originaddress4 originaddress5
    """,
    date="""
        invoice_date schedule_date dateposted last_synced last_modified datesent datepaid
        pdf_attachment_date_created duedate _billing_cut_off lastcreated nextcreationdate time startdate
        enddate date_created period_start_date period_end_date approvaldatetime
    """,
    many="""
        customfields lines add_lines _create_from_areaitems merge_data payments external_links
    """,
    one="""
        address shipaddress originaddress schedule xero_branding_theme qbo_term new_external_link
    """,
)

LINE = _fields(
    integer="""
        id ihid dsite ddevnum _itemid asset_id contract_id recurring_invoice_id recurring_invoice_line_id
        actioncode site meter_id ticket_id labourdepartmentid salesorder_line salesorder_line_id
        meter_pricing_method prepay_id creditlinkedidid recurring_invoice_price_type period_type group_id
        kashflow_line_id current_reading recurring_invoice_quantity_type billingperiod line_periods
        min_meter_units sequenceid auto_increase_period onetimechargeinvoiceid metertype importcsvid
        purchaseorder_id purchaseorder_line_id createproratanormallines pro_rata_line_id supplier
        original_client_id myob_row_id dbc_sequence_id credit_id _temp_order_id _temp_order_seq
        item_tax_code override_tax_code decimalplacesforinvoices consumption_line_type csp_invoice_id
    """,
    number="""
        qty_order unit_price unit_price_converted net_amount tax_amount tax_rate unit_cost
        override_ast_total prorata_quantity prorata_unit_price percent_increase discount_perc
        percent_invoiced meter_min_quantity minimum_line_total _temp_order_qty baseprice_converted baseprice
        unitprice_converted total_tax_converted net_total tax_converted total_tax total_price total_discount
        discount_converted net_amount_converted total_price_converted total_net_total consumption_cost
    """,
    boolean="""
        itemonorder line_fully_invoiced calculate_price_from_assets calculate_price_from_users
        prorata_next_invoice isinactive isgroupdesc _is_calculated_line tax_code_overriden is_meter
        autorenew synced_to_intacct hideitems includegrouppriceandqty onetimecharge
        needsreviewbeforecreation reviewed force_new exclude_auto_increase hide_on_pdf is_bundled_line
        hide_grouped_items_price _updateprorata _isimport
    """,
    text="""
        item_code item_shortdescription item_longdescription nominal_code tax_code comment_1 comment_2
        productnumber asset_inventory_number xero_lineid entity_type item_internal_reference
        item_external_reference item_tax_name xero_tax_code prorata_shortdescription prorata_longdescription
        _warning intacct_location_id intacct_department_id client_name dbc_id supplier_name
        intacct_warehouse_id invoice_class myob_location _importtype tax_name
    """,
    date="""
        lineactiondate last_reading_date startdate enddate auto_increase_last_date createproratadate
    """,
    many="""
        customfields prorata_data quantity_users quantity_assets quantity_licences quantity_subscriptions
        meter_tiers taxRuleResult
    """,
    one="""
        linked_item
    """,
)

ITEM = _fields(
    integer="""
        id status assetgroup_id inoutconversion created_by supplier_id assettype_id taxcode taxcodeother
        costingmethod metertype meterlife template_id assetaccountcode qbo_quantity xerodetails_id
        autotaskserviceid autotaskproductid kashflowid kashflow_tenant_id linked_item_id
        item_default_billing_period primaryimageid import_details_id item_group_itemcode item_group_taxcode
        item_group_taxcode_purchase type sage_business_cloud_details_id budgettype_id exact_division
        dattocommerce_tenant sage50uk_department_id _updateitemtype related_item_count myob_tenant
        purchase_currency_code
    """,
    number="""
        quantity_in_stock quantity_reserved quantity_on_order qtyissuedthisyear baseprice minstockqty
        min_purchase_qty secondprice sleeveprice costprice margin reorderqty servicefee recovery avco
        qtyonallsalesorders secondhandprice hours markupperc recurringprice maxitemdiscount recurringcost
        weight items_per_buying_price items_per_selling_price
    """,
    boolean="""
        promptforprice doesnotneedconsigning applydiscount isrecurringitem showmobilescanner _isimport
        salestaxincluded purchasetaxincluded taxable iscontractitem dontinvoice
        update_recurring_invoice_price update_recurring_invoice_cost isitemdetails serialise_only_one
        ignore_from_accounting_sync dont_track_stock
    """,
    text="""
        asset_type_matching_field_name use name assetgroup_name third_party_assetgroup_id note
        supplier_part_code description purchase_description internalreference externalreference goodsinunit
        goodsoutunit supplier_name assettype_name taxcode_name taxcodeother_name accountsid binlocation
        nominalcode shaccountsid template_name icon icon_download_url _importtype group_third_party_id
        sagetoken third_party_id xero_salestax xero_purchasetax purchasenominalcode fullyqualifiedname
        xero_tenant_id xero_tenant_name income_account_name expense_account_name asset_account_name qbosku
        qbocategoryid qbocategoryname kashflow_tenant_name nominalcode_name purchasenominalcode_name
        linked_item_name snelstart_id snelstart_department_id snelstart_department_name qbo_company_id
        qbo_company_name extra_invoice_description intacct_type item_group_nominalcode
        item_group_nominalcode_purchase dbc_company_id dbc_company_name _warning
        sage_business_cloud_details_name budgettype_name exact_division_name user_description invoice_class
        xero_inventory_account_code xero_cogs_account_code xero_inventory_account_code_name
        xero_cogs_account_code_name intacct_product_line_id myob_tenant_name myob_asset_account_code
        avalara_item_code purchase_currency_code_name
    """,
    date="""
        qboinitial_quantity_date datecreated lastmodified
    """,
    many="""
        customfields custombuttons item_suppliers stocklocations linked_asset_defaults external_links
    """,
    one="""
        income_account expense_account asset_account qbo_category snelstart_department quickbooks_details
        new_external_link purchase_currency
    """,
)

PRODUCT_GROUP = _fields(
    integer="""
        id defaultsite sequence tax_id tax_id_purchase import_details_id qbo_item_type access_control_level
        item_assettype_default item_billing_period_default
    """,
    boolean="""
        connector showasitem showasequip showwarningifonrequest moveassetonrequest items_in_group_no_consign
        _isimport isfixedasset multipleaccountstenants item_recurring_default item_donttrackstock_default
        item_doesnotneedconsigning_default item_contract_default
    """,
    text="""
        guid intent name memo islan kaseyaid thirdpartyid nominalcode nominalcode_name nominalcodepurchase
        nominalcode_name_purchase _warning tcsnote tax_name tax_name_purchase itemcode_id itemcode_name
        invoice_class avalara_item_code item_assettype_name_default
    """,
    many="""
        assettypes accounts_mappings access_control
    """,
    one="""
        new_external_link
    """,
)

CLIENT = _fields(
    integer="""
        id toplevel_id item_tax_code service_tax_code paymentterms main_site_id sales_tax_code
        client_to_invoice default_currency_code client_to_invoice_recurring pax8monthlyinvoice
        pax8annualinvoice
    """,
    number="""
        startbalance
    """,
    boolean="""
        inactive invoiceyes dontinvoice emailinvoice taxable
    """,
    text="""
        name toplevel_name xeroid accountsemailaddress main_site_name accountsid ref
    """,
    many="""
        customfields
    """,
)

SITE = _fields(
    integer="""
        id site_item_tax_code
    """,
    number="""
        client_id
    """,
    boolean="""
        inactive isinvoicesite
    """,
    text="""
        accountsid name client_name
    """,
    many="""
        customfields
    """,
    one="""
        delivery_address invoice_address
    """,
)

CONTRACT = _fields(
    integer="""
        id client_id billingperiod site_id contracttype
    """,
    boolean="""
        expired active
    """,
    text="""
        client_name ref site_name note contract_status contracttype_name
    """,
    date="""
        start_date end_date
    """,
    many="""
        customfields
    """,
)

TAX = _fields(
    integer="""
        id
    """,
    number="""
        value
    """,
    text="""
        name code
    """,
)

CURRENCY = _fields(
    integer="""
        id
    """,
    number="""
        conversion_rate
    """,
    text="""
        name symbol code _warning
    """,
    date="""
        last_updated
    """,
)
